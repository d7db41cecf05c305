/*
 * attestmdm-sim fleet: many devices at once, to load a server. One process
 * per device at work; keys that a real device owns beforehand are made before
 * the clock starts.
 */
#ifndef FLEET_H
#define FLEET_H

int fleet_run(int argc, char **argv);

#endif
