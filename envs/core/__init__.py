"""What every task shares: the batch, its simulation, and the interfaces of Gymnasium and SB3."""
