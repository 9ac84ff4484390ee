"""What a workspace's burst does to others, and which worker serves whom."""
