"""An audit without the names of its servers, jobs, objects and people."""
