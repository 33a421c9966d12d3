"""What models say, as complete sets: put, activated at once, kept, rolled back."""
