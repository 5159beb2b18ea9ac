"""The espeak-ng library as a speaker: samples, and where in them each phoneme begins (GPL-3, called at run time)."""

import ctypes
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from fs2keras.errors import UserError

SAMPLE_RATE = 22050

# From espeak-ng's speak_lib.h.
_SYNCHRONOUS = 2
_PHONEME_EVENTS, _PHONEME_IPA = 1, 2
_UTF8, _END_PAUSE = 1, 0x1000
_LIST_END, _PHONEME = 0, 7


class _EventId(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    ]


class _Voice(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_char_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("unused", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    ]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(frozen=True)
class Spoken:
    """16 bit mono samples at 22,050 Hz as bytes, and (first sample, IPA unit) for each event; "" is silence or none."""

    pcm: bytes
    events: tuple[tuple[int, str], ...]


class Speaker:
    """One voice of espeak. The same calls in the same order give the same samples.

    The library keeps everything in globals, and phonemizer uses it too: each speaker loads a private copy.
    """

    def __init__(self, language: str = "en-us"):
        import espeakng_loader

        with tempfile.TemporaryDirectory() as folder:  # the file may go once it is loaded
            copy = shutil.copy(espeakng_loader.get_library_path(), Path(folder) / "libespeak-demo.so")
            self._library = ctypes.CDLL(str(copy))
        data = espeakng_loader.get_data_path().encode()
        rate = self._library.espeak_Initialize(_SYNCHRONOUS, 0, data, _PHONEME_EVENTS | _PHONEME_IPA)
        if rate != SAMPLE_RATE:
            raise UserError(
                f"espeak started with sample rate {rate} instead of {SAMPLE_RATE}: reinstall espeakng-loader."
            )
        # Some languages have a voice file of their own name (en-us), others are found by language (en-gb is "en").
        voice = _Voice(languages=language.encode())
        if (
            self._library.espeak_SetVoiceByName(language.encode()) != 0
            and self._library.espeak_SetVoiceByProperties(ctypes.byref(voice)) != 0
        ):
            raise UserError(
                f"espeak has no voice for text.language = {language!r}. Use a code such as en-us, en-gb or de."
            )
        self._pieces: list[bytes] = []
        self._events: list[tuple[int, str]] = []
        self._callback = _Callback(self._collect)  # referenced here, or it is freed while C still calls it
        self._library.espeak_SetSynthCallback(self._callback)

    def speak(self, text: str) -> Spoken:
        """Speak one sentence, its final pause included."""
        self._pieces, self._events = [], []
        data = text.encode()
        flags = _UTF8 | _END_PAUSE
        if self._library.espeak_Synth(data, len(data) + 1, 0, 1, 0, flags, None, None) != 0:
            raise UserError(f"espeak could not speak {text!r}.")
        self._library.espeak_Synchronize()
        return Spoken(b"".join(self._pieces), tuple(self._events))

    def _collect(self, samples, count, events) -> int:
        if count > 0:
            self._pieces.append(ctypes.string_at(samples, 2 * count))
        index = 0
        while events[index].type != _LIST_END:
            if events[index].type == _PHONEME:
                unit = events[index].id.string.decode("utf-8", errors="replace")
                self._events.append((events[index].sample, unit.replace("_", "")))
            index += 1
        return 0
