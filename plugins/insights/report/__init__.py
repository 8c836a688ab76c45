"""The report: what happened, what hurt, what nobody could answer, and what to do about it."""
