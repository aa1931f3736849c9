/* A camera's events in, a belief a line out: from a file, or from standard input.
 *
 * A line of input is "TIME X Y ON": microseconds, pixels from the upper left, 1 where it grew brighter.
 * A line of output is "TIME CLASS PROBABILITY X Y PRESENCE", after every step of NSVT_FRAME_US. */

#include <stdio.h>

#include "neurosvt_model.h"

#define MOST_EVENTS 65536 /* in a step; later ones are left out */

static nsvt_state state;
static nsvt_event events[MOST_EVENTS];

static int step(long long until, int count) {
    nsvt_answer answer;
    int which, presence;
    if (nsvt_step(&state, events, count, &answer)) {
        fprintf(stderr, "an event before %lld us lies off the sensor of %d x %d pixels\n", until, NSVT_SIDE, NSVT_SIDE);
        return 1;
    }
    which = (int)nsvt_most(answer.scores, NSVT_CLASSES);
    presence = (int)nsvt_most(answer.presence, NSVT_KINDS);
    printf("%lld %s %.3f %.3f %.3f %s\n", until, nsvt_class_names[which],
           (double)answer.probabilities[which] / NSVT_SCORE_ONE, (double)answer.x / NSVT_PLACE_ONE,
           (double)answer.y / NSVT_PLACE_ONE, nsvt_presence_names[presence]);
    return 0;
}

int main(int count, char **words) {
    FILE *from = count > 1 ? fopen(words[1], "r") : stdin;
    long long time, until = NSVT_FRAME_US;
    int x, y, on, found = 0;
    if (!from) {
        fprintf(stderr, "%s cannot be read\n", words[1]);
        return 2;
    }
    nsvt_start(&state);
    while (fscanf(from, "%lld %d %d %d", &time, &x, &y, &on) == 4) {
        for (; time >= until; until += NSVT_FRAME_US, found = 0)
            if (step(until, found)) return 1;
        if (found == MOST_EVENTS || x < 0 || y < 0) continue;
        events[found].x = (uint16_t)x;
        events[found].y = (uint16_t)y;
        events[found++].on = (uint8_t)(on != 0);
    }
    return step(until, found);
}
