"""What the process and the machine give: rounding mode, free memory, threads, locks."""
