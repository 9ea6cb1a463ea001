"""Numbers to pages: tables and plots."""
