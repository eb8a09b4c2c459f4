# SPDX-License-Identifier: Apache-2.0
"""Examples of what clients send, for the description of the API: things of a collection, and what is asked of them."""

ACTION = {
    "action": "backup",
    "mode": "fs",
    "storage": "local",
    "path_to_backup": "/etc",
    "backup_name": "etc",
    "container": "/srv/backups",
}
SCHEDULE = {"schedule_interval": "1 days"}
#: collection -> a creation, which can be a change too
BODIES = {
    "clients": {"client_id": "node-7", "hostname": "node-7", "description": "Rack 3"},
    "actions": {"freezer_action": ACTION, "max_retries": 3, "max_retries_interval": 60},
    "jobs": {
        "client_id": "node-7",
        "description": "Nightly",
        "job_actions": [{"freezer_action": ACTION}],
        "job_schedule": SCHEDULE,
    },
    "sessions": {"description": "All databases", "hold_off": 60, "session_tag": 0, "schedule": SCHEDULE},
    "backups": {"backup_name": "etc", "container": "/srv/backups", "hostname": "node-7"},
    "reports": {"result": "fail", "time_elapsed": "40", "log": "No space left on device"},
}
STATUS = {"status": "deleted"}
SEARCH = {"match": [{"client_id": "node-7"}], "match_not": [{"status": "completed"}]}
EVENT = {"start": None}
SESSION_ACTION = {"start": {"job_id": "nightly", "current_tag": 0}}
