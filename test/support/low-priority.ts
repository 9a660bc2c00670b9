// Before a test file: it, and what it starts, gets a tenth of the time of files of the usual priority where there is not
// enough for both.

import { setPriority } from 'node:os';

setPriority(10);
