"""Alerts that leave the screen: webhook, command, desktop."""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from fs2_tui.notify import desktop_notification, tell

FACTS = {"run": "voice", "alert": "nan", "text": "The loss became NaN at step 7."}


@pytest.fixture
def webhook():
    """(address, what was posted there); paths that begin with /bad answer 500."""
    posted = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            posted.append((self.headers["Content-Type"], self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(500 if self.path.startswith("/bad") else 204)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", posted
    server.shutdown()
    server.server_close()


def test_a_webhook_gets_json(webhook):
    address, posted = webhook
    assert tell(f"{address}/hook", FACTS) == ""
    kind, body = posted[0]
    assert kind == "application/json"
    assert json.loads(body) == FACTS


def test_a_webhook_that_fails_is_named(webhook):
    address, _ = webhook
    assert "500" in tell(f"{address}/bad", FACTS)
    assert "127.0.0.1:9" in tell("http://127.0.0.1:9/closed", FACTS)


def test_a_command_gets_json_and_the_sentence(tmp_path):
    code = "import os,sys; open(sys.argv[1],'w').write(os.environ['FS2_ALERT'] + '\\n' + sys.stdin.read())"
    told = tmp_path / "told file.txt"
    assert tell(f'{sys.executable} -c "{code}" "{told}"', FACTS) == ""
    sentence, facts = told.read_text().split("\n", 1)
    assert sentence == FACTS["text"]
    assert json.loads(facts) == FACTS


@pytest.mark.parametrize("command", ["no-such-program --here", f"{sys.executable} -c 'raise SystemExit(3)'", "'", " "])
def test_a_command_that_fails_is_named(command):
    assert tell(command, FACTS).startswith("--on-alert")


def test_a_desktop_notification_is_one_sequence(monkeypatch):
    monkeypatch.delenv("TMUX", raising=False)
    assert desktop_notification("a\x1b]0;b\x07 c\n") == "\x1b]9;a]0;b c\x07"
    monkeypatch.setenv("TMUX", "/tmp/tmux")
    assert desktop_notification("x") == "\x1bPtmux;\x1b\x1b]9;x\x07\x1b\\"
