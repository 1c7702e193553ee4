#include "cli/cli.h"

int main(int argc, char** argv) { return ferrum::cli::run(argc, argv); }
