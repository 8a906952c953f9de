"""What a user can choose about requests, and the files that the user names for them."""
