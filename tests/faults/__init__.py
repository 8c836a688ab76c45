"""Every process is killed or put to sleep, every line cut, in turn and under load; then we count."""
