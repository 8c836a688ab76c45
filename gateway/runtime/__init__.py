"""What the stages run on: dispatch, scheduler, load shedding, metrics."""
