"""The two databases: connections, transactions shared by jobs, dialects, prepared statements."""
