# SPDX-License-Identifier: Apache-2.0
"""Python imports this at the start of a process that has this folder in PYTHONPATH: its wall clock is wrong then.

SHIFT_SECONDS says by how much. The monotonic clock stays as it is, as on a host whose date was set wrongly.
"""

import datetime
import os
import time

SHIFT = float(os.environ.get("SHIFT_SECONDS", "0"))
_time, _time_ns, _datetime = time.time, time.time_ns, datetime.datetime


class _Kind(type):
    def __instancecheck__(cls, instance):
        return isinstance(instance, _datetime)

    def __subclasscheck__(cls, subclass):
        return issubclass(subclass, _datetime)


class ShiftedDatetime(_datetime, metaclass=_Kind):
    """The class datetime, with another idea of now."""

    @classmethod
    def now(cls, tz=None):
        return _datetime.now(tz) + datetime.timedelta(seconds=SHIFT)

    @classmethod
    def utcnow(cls):
        return _datetime.utcnow() + datetime.timedelta(seconds=SHIFT)


if SHIFT:
    time.time = lambda: _time() + SHIFT
    time.time_ns = lambda: _time_ns() + int(SHIFT * 1e9)
    datetime.datetime = ShiftedDatetime
