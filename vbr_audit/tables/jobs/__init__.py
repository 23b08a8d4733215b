"""The tables of jobs: settings wherever a revision and a job type keep them."""
