"""`./run bench`: what the channel costs, beside the floor that no channel of this kind can go below, measured in the same run."""
