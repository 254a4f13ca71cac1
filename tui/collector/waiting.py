"""Wait for what a source has to tell. Reads nothing."""

import asyncio


async def heard_or_due(descriptor: int, wait_s: float, stop: asyncio.Event) -> bool:
    """Wait until a descriptor can be read (True), so many seconds have passed, or it is time to stop."""
    loop = asyncio.get_running_loop()
    heard = asyncio.Event()
    loop.add_reader(descriptor, heard.set)
    tasks = [asyncio.ensure_future(event.wait()) for event in (heard, stop)]
    try:
        await asyncio.wait(tasks, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        loop.remove_reader(descriptor)
        for task in tasks:
            task.cancel()
    return heard.is_set()


async def pause(seconds: float, stop: asyncio.Event) -> None:
    """Wait for so long, or until it is time to stop."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
