<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="en">
<context>
    <name>CurvesView</name>
    <message numerus="yes">
        <source>%n steps</source>
        <translation>
            <numerusform>%n step</numerusform>
            <numerusform>%n steps</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>DatasetCount</name>
    <message numerus="yes">
        <source>and %n more</source>
        <translation>
            <numerusform>and %n more</numerusform>
            <numerusform>and %n more</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>EndsView</name>
    <message numerus="yes">
        <source>%n seeds</source>
        <translation>
            <numerusform>%n seed</numerusform>
            <numerusform>%n seeds</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>EngineCard</name>
    <message numerus="yes">
        <source>and %n more</source>
        <translation>
            <numerusform>and %n more</numerusform>
            <numerusform>and %n more</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>HistoryDialogs</name>
    <message numerus="yes">
        <source>Move %n runs to the bin?</source>
        <translation>
            <numerusform>Move %n run to the bin?</numerusform>
            <numerusform>Move %n runs to the bin?</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>HistoryPage</name>
    <message numerus="yes">
        <source>%n runs were imported.</source>
        <translation>
            <numerusform>%n run was imported.</numerusform>
            <numerusform>%n runs were imported.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n were there already and were brought up to date.</source>
        <translation>
            <numerusform>%n was there already and was brought up to date.</numerusform>
            <numerusform>%n were there already and were brought up to date.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n runs were moved to the bin.</source>
        <translation>
            <numerusform>%n run was moved to the bin.</numerusform>
            <numerusform>%n runs were moved to the bin.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n runs</source>
        <translation>
            <numerusform>%n run</numerusform>
            <numerusform>%n runs</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>ImagesView</name>
    <message numerus="yes">
        <source>and %n more</source>
        <translation>
            <numerusform>and %n more</numerusform>
            <numerusform>and %n more</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>PlotPanel</name>
    <message numerus="yes">
        <source>%n steps</source>
        <translation>
            <numerusform>%n step</numerusform>
            <numerusform>%n steps</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>ProblemsCard</name>
    <message numerus="yes">
        <source>and %n more</source>
        <translation>
            <numerusform>and %n more</numerusform>
            <numerusform>and %n more</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>QueueAdding</name>
    <message numerus="yes">
        <source>%n jobs were added to the queue.</source>
        <translation>
            <numerusform>%n job was added to the queue.</numerusform>
            <numerusform>%n jobs were added to the queue.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>QueuePage</name>
    <message numerus="yes">
        <source>%n jobs were written to {path}.</source>
        <translation>
            <numerusform>%n job was written to {path}.</numerusform>
            <numerusform>%n jobs were written to {path}.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>RaceDialog</name>
    <message numerus="yes">
        <source>Start %n training(s)</source>
        <translation>
            <numerusform>Start %n training</numerusform>
            <numerusform>Start %n trainings</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>RunDialogs</name>
    <message numerus="yes">
        <source>The last %n steps have not been saved.</source>
        <translation>
            <numerusform>The last %n step has not been saved.</numerusform>
            <numerusform>The last %n steps have not been saved.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>SamplePanel</name>
    <message numerus="yes">
        <source>The job draws them every %n epochs.</source>
        <translation>
            <numerusform>The job draws them after every epoch.</numerusform>
            <numerusform>The job draws them every %n epochs.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>The job draws them every %n steps.</source>
        <translation>
            <numerusform>The job draws them after every step.</numerusform>
            <numerusform>The job draws them every %n steps.</numerusform>
        </translation>
    </message>
</context>
</TS>
