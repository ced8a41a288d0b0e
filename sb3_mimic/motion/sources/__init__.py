"""Where motions come from: built in, files, published sets, folders and collections."""
