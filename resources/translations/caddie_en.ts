<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="en">
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
