"""Python imports this by itself when its folder is on PYTHONPATH: see `loopback_only`."""

import loopback_only

loopback_only.install()
