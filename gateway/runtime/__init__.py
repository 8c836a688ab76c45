"""What the stages run on: dispatch, scheduler, heartbeat, load shedding, metrics."""
