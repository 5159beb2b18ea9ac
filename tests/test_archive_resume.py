"""A restored run goes on as if it had never been elsewhere."""

import shutil

from archive_runs import keep
from tiny import assert_same_run

from fs2keras.archive.restore import restore


def test_a_killed_run_that_was_archived_and_restored_ends_as_if_nothing_had_been(tiny, whole, tmp_path):
    run, arguments = tiny.run("moved"), tiny.arguments("moved")
    assert tiny.accident("inside_a_row", "SIGKILL", 9, arguments).returncode == -9
    path = keep(run, tmp_path / "moved.tar.zst").path
    shutil.rmtree(run.path)
    restore(path, run.path.parent, report=print)
    process = tiny.process(arguments)
    assert process.returncode == 0, process.stderr
    assert "resuming at step 6 from" in process.stdout
    assert_same_run(run, whole)
