"""Questions over a history, for programs that ask for somebody: answers as data, nothing written, no server reached."""
