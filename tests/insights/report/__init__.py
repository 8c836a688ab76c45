"""The report: sentences, plots, files, pages, and the weekly job."""
