"""What leaves the desk besides an answer: files, copies, a first message, forwarded mail."""
