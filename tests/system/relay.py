"""Carries bytes between connections: relay.py LISTENER HOST PORT. LISTENER is an inherited
listening socket's number, or HOST:PORT to listen at. Faults are ordered by lines on its input.

    delay SECONDS   each piece waits so long, in order
    corrupt CHANCE  one bit of a piece is flipped with this probability (beyond TCP's checksum, so it arrives)
    clear           neither

It ends with its input.
"""

import asyncio
import random
import socket
import sys


class Faults:
    def __init__(self):
        self.delay = 0.0
        self.corrupt = 0.0
        self.random = random.Random(1)

    def order(self, line):
        word, *rest = line.split()
        if word == "clear":
            self.delay = self.corrupt = 0.0
        elif word == "delay":
            self.delay = float(rest[0])
        elif word == "corrupt":
            self.corrupt = float(rest[0])

    def touch(self, piece):
        if not self.corrupt or self.random.random() >= self.corrupt:
            return piece
        damaged = bytearray(piece)
        damaged[self.random.randrange(len(damaged))] ^= 1 << self.random.randrange(8)
        return bytes(damaged)


async def carry(faults, reader, writer):
    """One direction. The delay is each piece's own, so that it lengthens the way and does not narrow it."""
    pieces = asyncio.Queue(maxsize=1024)
    loop = asyncio.get_running_loop()

    async def receive():
        while piece := await reader.read(65536):
            await pieces.put((loop.time() + faults.delay, piece))
        await pieces.put((0, b""))

    receiver = asyncio.create_task(receive())
    try:
        while True:
            due, piece = await pieces.get()
            if not piece:
                break
            if (wait := due - loop.time()) > 0:
                await asyncio.sleep(wait)
            writer.write(faults.touch(piece))
            await writer.drain()
    finally:
        receiver.cancel()


async def serve(faults, host, port, reader, writer):
    """A connection that ends in one direction ends in both: this is what a dead process looks like."""
    writers = [writer]
    try:
        onward_reader, onward = await asyncio.open_connection(host, port)
        writers.append(onward)
        tasks = [asyncio.create_task(carry(faults, reader, onward)),
                 asyncio.create_task(carry(faults, onward_reader, writer))]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    except OSError:
        pass
    finally:
        for open_writer in writers:
            open_writer.close()


def listening(text):
    if text.isdigit():
        listener = socket.socket(fileno=int(text))
    else:
        host, port = text.rsplit(":", 1)
        listener = socket.create_server((host, int(port)))
    listener.setblocking(False)
    return listener


async def main(listener, host, port):
    faults = Faults()
    server = await asyncio.start_server(
        lambda reader, writer: serve(faults, host, int(port), reader, writer), sock=listening(listener))
    orders = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while line := (await orders.readline()).decode().strip():
        faults.order(line)
    server.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
