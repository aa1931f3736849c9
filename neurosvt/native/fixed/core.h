/* The engine in whole numbers: one time step of a NeuroSVT in C11, which is C++17 as well. Without
 * floating point, without memory of its own: the same input has the same answer on every processor.
 *
 * ../fixed.cpp compiles it for the package, twice: for numbers of 16 bits, and of 8 and fewer.
 * neurosvt/export/c.py writes it out with a model inside. Who includes it says NSVT_BITS, 8 or 16. */

#include "model.h"
#include "numbers.h"
#include "events.h"
#include "neurons.h"
#include "blocks.h"
#include "tracks.h"
#include "memory.h"
#include "heads.h"
#include "step.h"
