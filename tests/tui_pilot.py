"""Driving the monitor without a terminal."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from textual.app import App
from textual.pilot import Pilot

from fs2_tui.app import MonitorApp
from fs2_tui.look import Look
from fs2keras.rundir.layout import RunDir


def screen_text(app: App) -> str:
    """What stands on the screen, line by line."""
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


def drive(app: App, script: Callable[[Pilot], Awaitable[Any]], size: tuple[int, int] = (120, 40)) -> Any:
    """Run the app without a terminal, and the script in it; returns what the script returns."""

    async def session() -> Any:
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            return await script(pilot)

    return asyncio.run(session())


def monitor(*rundirs: RunDir, unicode: bool = True, **options: Any) -> MonitorApp:
    """The app on these runs; it polls only when a test makes it, or at once when `poll_s` is given."""
    return MonitorApp(rundirs, look=Look(unicode=unicode), **{"poll_s": 3600.0, **options})


async def press(pilot: Pilot, keys: Sequence[str]) -> str:
    """Press keys one after the other; what stands on the screen then."""
    for key in keys:
        await pilot.press(key)
    await pilot.pause(0.1)
    return screen_text(pilot.app)
