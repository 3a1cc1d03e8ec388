"""What checks make of what they saw: rise and fall, delays, quorums, and what all of it does to a priority."""
