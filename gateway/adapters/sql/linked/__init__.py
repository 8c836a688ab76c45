"""The addresses of one customer, how they are proven, and the history that goes on at another."""
