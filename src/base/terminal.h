// What a program may do with a stream's reader: colour and width.
#pragma once

namespace ferrum {

// Whether `descriptor` is a terminal that shows colours, and nobody said NO_COLOR (any text but the empty
// one: no-color.org) or TERM=dumb.
bool shows_colours(int descriptor);

// Columns of the terminal at `descriptor`; `otherwise` where it is none or does not say.
int columns_of(int descriptor, int otherwise);

}  // namespace ferrum
