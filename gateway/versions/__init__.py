"""What people adopt: changes are checked, kept as versions, followed, and written to files."""
