"""Small helpers that channels, plugins and the gateway share. Import them from `gateway`."""
