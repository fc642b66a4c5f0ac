"""Files to text, to chunks, to embedded batches."""
