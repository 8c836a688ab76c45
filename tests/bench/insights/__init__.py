"""How long a month's facts and figures take, and how much memory."""
