"""Reading a finished or running sweep: metrics, statistics, tables, figures, checks and the one-file report.

Nothing here trains or writes results; everything is computed from the frames of
`dalbt_ray.results.load_results`.
"""
