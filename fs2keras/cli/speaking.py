"""The verb that lets a voice speak: say."""

import sys
from pathlib import Path

from fs2keras.cli.options import add_checkpoint, checkpoint, choose_backend, new_file, positive, shown, verb


def add_verbs(verbs) -> None:
    say = verb(verbs, "say", _say, "speak a text into a wav")
    say.add_argument("run", metavar="RUN", help="a run (folder, or name under runs/) or a .keras checkpoint")
    say.add_argument("text", metavar="TEXT", help='the text, or "-" to read it from standard input')
    say.add_argument("-o", "--output", type=Path, metavar="WAV", help="the file to write (default: a new say*.wav)")
    say.add_argument("--speed", type=positive, default=1.0, metavar="X", help="2 is twice as fast (default: 1)")
    say.add_argument("--pitch", type=positive, default=1.0, metavar="X", help="factor on the pitch in Hz (default: 1)")
    say.add_argument("--energy", type=positive, default=1.0, metavar="X", help="factor on the energy (default: 1)")
    add_checkpoint(say)


def _say(options) -> int:
    text = sys.stdin.read() if options.text == "-" else options.text
    path = checkpoint(options.run, options.checkpoint)
    choose_backend("jax")
    with shown(f"loading {path}"):
        from fs2keras.voice import Voice

        voice = Voice.load(path)
    with shown("speaking"):
        speech = voice.speak(text, speed=options.speed, pitch=options.pitch, energy=options.energy)
    output = options.output or new_file("say", ".wav")
    speech.save(output)
    print(f"{output}: {speech.seconds:.1f} s of speech, made in {speech.seconds_spent:.1f} s")
    return 0
