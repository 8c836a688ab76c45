"""The sections of the report: pure functions from `ReportMaterial` to a `Section`."""
