"""The way in and the way out: users from elsewhere, all users as a file, a whole installation to another database."""
