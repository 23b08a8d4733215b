"""The ten operations of the API's Jobs section, for callers in Python; nothing of an audit uses them."""
