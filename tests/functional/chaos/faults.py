# SPDX-License-Identifier: Apache-2.0
"""What breaks: conductors, the broker and the database are killed, paused and restarted in random order."""

import collections
import heapq
import itertools
import time

TICK = 0.05
#: seconds within which a conductor ends that was told to
END_SECONDS = 60
#: seconds that a server usually needs to start
SERVER_SECONDS = 4
#: seconds between two faults
PAUSE = (0.5, 3.0)
#: how likely each fault is
WEIGHTS = {"kill": 4, "pause": 4, "restart": 3, "broker": 1, "store": 2}


class Faults:
    """Breaks things one after the other, some at the same time, and puts them right again; ``counts`` tells how often.

    Everything is done in the thread that calls: processes die with the thread that started them.
    """

    def __init__(self, chance, conductors, broker, database, lease_seconds):
        self._chance, self._conductors, self._lease_seconds = chance, conductors, lease_seconds
        self._broker, self._database = broker, database
        self._agenda, self._numbers, self._broken = [], itertools.count(), set()
        self.counts = collections.Counter()

    def run(self, seconds):
        """Break things for ``seconds``, then put everything right."""
        end, following = time.monotonic() + seconds, 0.0
        while time.monotonic() < end:
            if time.monotonic() > following:
                self._break_one()
                following = time.monotonic() + self._chance.uniform(*PAUSE)
            self._tick()
        while self._agenda:
            self._tick()
        for server in (self._broker, self._database):
            server.wait_until_ready()

    def supervise(self):
        """Start conductors that ended by themselves, as systemd does: without a database they do."""
        for each in self._conductors:
            if each not in self._broken and not each.runs():
                self._restart(each)

    def _tick(self):
        time.sleep(TICK)
        while self._agenda and self._agenda[0][0] < time.monotonic():
            _, _, broken, put_right = heapq.heappop(self._agenda)
            self._broken.discard(broken)
            put_right()
        self.supervise()

    def _break_one(self):
        name = self._chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        whole = [each for each in self._conductors if each not in self._broken]
        server = {"broker": self._broker, "store": self._database}.get(name)
        if server is None and len(whole) > 1:
            self.counts[name] += 1
            getattr(self, f"_{name}")(self._chance.choice(whole))
        elif server is not None and server not in self._broken:
            self.counts[name] += 1
            self._interrupt(server)

    def _kill(self, conductor):
        conductor.kill()
        self._later(self._chance.uniform(0.2, 2 * self._lease_seconds), conductor, conductor.start)

    def _pause(self, conductor):
        conductor.pause()
        seconds = self._lease_seconds + self._chance.uniform(1, 4)
        self._later(seconds, conductor, conductor.resume)

    def _restart(self, conductor):
        if conductor.runs():
            conductor.terminate()
        self._later(1, conductor, lambda: self._start_when_ended(conductor))

    def _start_when_ended(self, conductor):
        conductor.wait(END_SECONDS)
        conductor.start()

    def _interrupt(self, server):
        self._chance.choice([server.kill, server.stop])()
        self._later(self._chance.uniform(0, 3), server, lambda: self._spawn(server))

    def _spawn(self, server):
        """Start a server and give it the time that it needs; more of the like comes only afterwards."""
        server.spawn()
        self._later(SERVER_SECONDS, server, server.wait_until_ready)

    def _later(self, seconds, broken, put_right):
        self._broken.add(broken)
        heapq.heappush(self._agenda, (time.monotonic() + seconds, next(self._numbers), broken, put_right))
