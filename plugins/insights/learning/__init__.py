"""What is learnt: proposals that a person adopts, edits or declines, and what they did."""
