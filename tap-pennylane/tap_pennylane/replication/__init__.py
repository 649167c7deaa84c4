"""What a stream owes in a run, and how it is read and sent: by scan or by changelog."""
