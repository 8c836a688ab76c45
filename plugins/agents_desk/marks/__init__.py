"""Marks of the desk: the team's labels, snooze, reminders, mentions, spam, and alerts."""
