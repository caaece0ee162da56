"""What results say: metrics over seeds, statistics, figures, tables, the report page."""
