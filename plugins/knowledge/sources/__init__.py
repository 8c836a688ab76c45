"""Sources: sites, folders, files and exports, how they are read again, and what changed."""
