"""Ray, and nothing else, lives here: Tune schedules trials, Train runs them, Data holds and feeds the images.

No other package imports Ray. A sweep enters by `run.run_sweep`, a pool larger than memory by
`pool_scoring.score_files`.
"""

import os

# Ray reads these at import. Tune's table would fight with our progress; its result files are not our results; its
# own handler of Ctrl+C would wait for trials, whose state is on the disk already; nothing is sent to anyone.
_SETTINGS = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "TUNE_WARN_THRESHOLD_S": "60",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # For the processes of a Ray of our own: each of a worker's dozens of threads would keep freed memory for itself.
    "MALLOC_ARENA_MAX": "2",
}

for _name, _value in _SETTINGS.items():
    os.environ.setdefault(_name, _value)
