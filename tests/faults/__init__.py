"""Every process is killed or put to sleep, every line cut, in turn, under load; then we count."""
